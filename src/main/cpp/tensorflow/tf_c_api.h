// The part of TensorFlow's C API that the bridge calls: a stable ABI, declared here so that
// building needs neither TensorFlow's headers nor its library. CMake reads the function names from
// this file to make the stub that the bridge links against.
#pragma once

#include <stddef.h>
#include <stdint.h>

extern "C" {

typedef struct TF_Status TF_Status;
typedef struct TF_Tensor TF_Tensor;
typedef struct TF_Graph TF_Graph;
typedef struct TF_Operation TF_Operation;
typedef struct TF_OperationDescription TF_OperationDescription;
typedef struct TF_Function TF_Function;
typedef struct TF_DeviceList TF_DeviceList;
typedef struct TFE_Context TFE_Context;
typedef struct TFE_ContextOptions TFE_ContextOptions;
typedef struct TFE_Op TFE_Op;
typedef struct TFE_TensorHandle TFE_TensorHandle;

typedef enum TF_Code {
  TF_OK = 0,
  TF_INVALID_ARGUMENT = 3,
  TF_RESOURCE_EXHAUSTED = 8,
  TF_UNIMPLEMENTED = 12
} TF_Code;

typedef enum TF_DataType {
  TF_FLOAT = 1,
  TF_DOUBLE = 2,
  TF_INT32 = 3,
  TF_INT64 = 9,
  TF_BOOL = 10,
  TF_RESOURCE = 20
} TF_DataType;

typedef struct TF_Output {
  TF_Operation* oper;
  int index;
} TF_Output;

const char* TF_Version(void);

TF_Status* TF_NewStatus(void);
void TF_DeleteStatus(TF_Status*);
TF_Code TF_GetCode(const TF_Status*);
const char* TF_Message(const TF_Status*);

TF_Tensor* TF_NewTensor(TF_DataType, const int64_t* dims, int num_dims, void* data, size_t len,
                        void (*deallocator)(void* data, size_t len, void* arg), void* arg);
TF_Tensor* TF_AllocateTensor(TF_DataType, const int64_t* dims, int num_dims, size_t len);
void TF_DeleteTensor(TF_Tensor*);
void* TF_TensorData(const TF_Tensor*);

TFE_ContextOptions* TFE_NewContextOptions(void);
void TFE_ContextOptionsSetConfig(TFE_ContextOptions*, const void* proto, size_t proto_len,
                                 TF_Status*);
void TFE_DeleteContextOptions(TFE_ContextOptions*);
TFE_Context* TFE_NewContext(const TFE_ContextOptions*, TF_Status*);
TF_DeviceList* TFE_ContextListDevices(TFE_Context*, TF_Status*);
int TF_DeviceListCount(const TF_DeviceList*);
const char* TF_DeviceListName(const TF_DeviceList*, int index, TF_Status*);
void TF_DeleteDeviceList(TF_DeviceList*);
void TFE_ContextAddFunction(TFE_Context*, TF_Function*, TF_Status*);

TFE_TensorHandle* TFE_NewTensorHandle(const TF_Tensor*, TF_Status*);
void TFE_DeleteTensorHandle(TFE_TensorHandle*);
void* TFE_TensorHandleDevicePointer(TFE_TensorHandle*, TF_Status*);
TF_Tensor* TFE_TensorHandleResolve(TFE_TensorHandle*, TF_Status*);
TF_DataType TFE_TensorHandleDataType(TFE_TensorHandle*);
int TFE_TensorHandleNumDims(TFE_TensorHandle*, TF_Status*);
int64_t TFE_TensorHandleDim(TFE_TensorHandle*, int index, TF_Status*);

TFE_Op* TFE_NewOp(TFE_Context*, const char* name, TF_Status*);
void TFE_DeleteOp(TFE_Op*);
void TFE_OpReset(TFE_Op*, const char* name, const char* device, TF_Status*);
void TFE_OpAddInput(TFE_Op*, TFE_TensorHandle*, TF_Status*);
void TFE_OpSetAttrType(TFE_Op*, const char* name, TF_DataType);
void TFE_OpSetAttrBool(TFE_Op*, const char* name, unsigned char);
void TFE_OpSetAttrString(TFE_Op*, const char* name, const void* value, size_t length);
void TFE_OpSetAttrShape(TFE_Op*, const char* name, const int64_t* dims, int num_dims, TF_Status*);
void TFE_Execute(TFE_Op*, TFE_TensorHandle** results, int* num_results, TF_Status*);

TF_Graph* TF_NewGraph(void);
void TF_DeleteGraph(TF_Graph*);
TF_OperationDescription* TF_NewOperation(TF_Graph*, const char* type, const char* name);
void TF_AddInput(TF_OperationDescription*, TF_Output);
void TF_AddControlInput(TF_OperationDescription*, TF_Operation*);
void TF_SetAttrType(TF_OperationDescription*, const char* name, TF_DataType);
void TF_SetAttrBool(TF_OperationDescription*, const char* name, unsigned char);
void TF_SetAttrTensor(TF_OperationDescription*, const char* name, TF_Tensor*, TF_Status*);
TF_Operation* TF_FinishOperation(TF_OperationDescription*, TF_Status*);
TF_Function* TF_GraphToFunctionWithControlOutputs(
    const TF_Graph*, const char* name, unsigned char append_hash, int num_opers,
    const TF_Operation* const* opers, int ninputs, const TF_Output* inputs, int noutputs,
    const TF_Output* outputs, const char* const* output_names, int ncontrol_outputs,
    const TF_Operation* const* control_outputs, const char* const* control_output_names,
    const void* options, const char* description, TF_Status*);
TF_Function* TF_FunctionImportFunctionDef(const void* proto, size_t proto_len, TF_Status*);
void TF_DeleteFunction(TF_Function*);

}  // extern "C"
